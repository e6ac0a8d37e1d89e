/* SPDX-License-Identifier: ISC */
#ifndef SOTTO_SOTTO_STREAMS_H
#define SOTTO_SOTTO_STREAMS_H

/** Before anything is opened: a closed stdin, stdout or stderr is filled with something that fails
 * when it is used, so that no file of ours gets its number. SIGINT and SIGTERM end the program with
 * 130 and 143 also where their default does nothing (as the first process of a container), unless
 * they are ignored already (nohup). */
void streams_prepare(void);

#endif
