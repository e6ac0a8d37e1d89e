# SPDX-License-Identifier: ISC
#
# What `cmake --install` (with DESTDIR, if wanted) puts where; tests/system/test_install.py has the list.

if(SOTTO_WEAKENINGS)
    install(CODE "message(FATAL_ERROR \"a build with SOTTO_WEAKENINGS is for tests and is not installed\")")
endif()

foreach(program sotto sotto-sendmail sottod)
    install(PROGRAMS $<TARGET_FILE:${program}> DESTINATION ${CMAKE_INSTALL_BINDIR})
endforeach()

# The library for other programs: one object of all our archives and of the private ones (scripts/deps), in which the
# calls of sotto.h alone are left global. So its OpenSSL and SQLCipher meet no others, and an archive is enough.
set(sotto_parts sotto_lib sotto_client_store sotto_client sotto_net sotto_platform sotto_session sotto_wire
    sotto_crypto sotto_base)
set(sotto_private "")
set(SOTTO_SYSTEM_LIBS "")
foreach(name sqlcipher ssl crypto uv)
    get_target_property(libraries dep_${name} INTERFACE_LINK_LIBRARIES)
    foreach(library IN LISTS libraries)
        if(library MATCHES "\\.a$")
            list(APPEND sotto_private ${library})
        elseif(NOT library MATCHES "^dep_")
            list(APPEND SOTTO_SYSTEM_LIBS ${library})
        endif()
    endforeach()
endforeach()
list(REMOVE_DUPLICATES SOTTO_SYSTEM_LIBS)
string(REPLACE ";" " " SOTTO_SYSTEM_LIBS "${SOTTO_SYSTEM_LIBS}")
set(sotto_archives "")
foreach(part IN LISTS sotto_parts)
    list(APPEND sotto_archives $<TARGET_FILE:${part}>)
endforeach()
set(sotto_archive ${CMAKE_BINARY_DIR}/packaging/libsotto.a)
add_custom_command(OUTPUT ${sotto_archive}
    COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o libsotto.o -Wl,--whole-archive $<TARGET_FILE:sotto_lib>
            -Wl,--no-whole-archive -Wl,--start-group ${sotto_archives} ${sotto_private} -Wl,--end-group
    COMMAND ${CMAKE_OBJCOPY} --wildcard "--keep-global-symbol=sotto_*" libsotto.o
    COMMAND ${CMAKE_COMMAND} -E remove -f ${sotto_archive}
    COMMAND ${CMAKE_AR} rcs ${sotto_archive} libsotto.o
    COMMAND ${CMAKE_COMMAND} -E remove -f libsotto.o
    DEPENDS ${sotto_parts} WORKING_DIRECTORY ${CMAKE_BINARY_DIR}/packaging VERBATIM)
if(SOTTO_SANITIZE)
    add_custom_target(sotto_archive DEPENDS ${sotto_archive}) # nobody installs that
else()
    add_custom_target(sotto_archive ALL DEPENDS ${sotto_archive})
endif()
install(FILES ${sotto_archive} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/sotto/sotto.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sotto)
configure_file(packaging/libsotto.pc.in ${CMAKE_BINARY_DIR}/packaging/libsotto.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/packaging/libsotto.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Manual pages: the ending is the section.
foreach(section 1 5 7 8)
    file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.${section})
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

# Schemas of the JSON objects, a folder for each program.
install(DIRECTORY schemas/ DESTINATION ${CMAKE_INSTALL_DATADIR}/sotto/schemas FILES_MATCHING PATTERN "*.json")

# Completions, as the program that was just built makes them.
foreach(shell bash zsh)
    add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/completions/${shell}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/completions
        COMMAND sotto completion ${shell} > ${CMAKE_BINARY_DIR}/completions/${shell}
        DEPENDS sotto VERBATIM)
endforeach()
add_custom_target(completions ALL
    DEPENDS ${CMAKE_BINARY_DIR}/completions/bash ${CMAKE_BINARY_DIR}/completions/zsh)
install(FILES ${CMAKE_BINARY_DIR}/completions/bash RENAME sotto
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${CMAKE_BINARY_DIR}/completions/zsh RENAME _sotto
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)

# systemd (units name programs by their paths): the server, its user, alerts for the system's units and a user's, and a user's receivers.
set(SOTTO_SYSTEMCTL "systemctl")
configure_file(packaging/sottod.service ${CMAKE_BINARY_DIR}/packaging/system/sottod.service @ONLY)
configure_file(packaging/sotto-alert@.service
    "${CMAKE_BINARY_DIR}/packaging/system/sotto-alert@.service" @ONLY)
set(SOTTO_SYSTEMCTL "systemctl --user")
configure_file(packaging/sotto-alert@.service "${CMAKE_BINARY_DIR}/packaging/user/sotto-alert@.service" @ONLY)
configure_file(packaging/sotto-recv@.service "${CMAKE_BINARY_DIR}/packaging/user/sotto-recv@.service" @ONLY)
foreach(kind system user)
    install(DIRECTORY ${CMAKE_BINARY_DIR}/packaging/${kind}/ DESTINATION lib/systemd/${kind})
endforeach()
install(FILES packaging/sottod.sysusers RENAME sottod.conf DESTINATION lib/sysusers.d)

install(FILES LICENSE README.md CHANGELOG.md THIRD-PARTY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
