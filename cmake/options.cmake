# SPDX-License-Identifier: ISC
#
# sotto_options: the language, warnings, hardening and sanitizers. Every target of ours links it.

include(CheckCCompilerFlag)

add_library(sotto_options INTERFACE)

# A flag and not C_STANDARD 17, which CMake before 3.21 does not know.
target_compile_options(sotto_options INTERFACE -std=c17)
target_compile_definitions(sotto_options INTERFACE
    _GNU_SOURCE
    SOTTO_VERSION="${PROJECT_VERSION}")

target_compile_options(sotto_options INTERFACE
    -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wvla -Wformat=2 -Wswitch-enum
    -Wstrict-prototypes -Wundef -Werror)

if(SOTTO_WEAKENINGS)
    target_compile_definitions(sotto_options INTERFACE SOTTO_WEAKENINGS)
endif()

# Position independent everywhere: programs can be placed anywhere, the archives can become one shared library.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(POLICY CMP0083)
    include(CheckPIESupported)
    check_pie_supported()
endif()

# sotto_harden(VARIABLE FLAG): uses FLAG outside of debug builds when the compiler has it.
function(sotto_harden variable flag)
    check_c_compiler_flag(${flag} ${variable})
    if(${variable})
        target_compile_options(sotto_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:${flag}>)
    endif()
endfunction()

sotto_harden(SOTTO_HAS_STACK_PROTECTOR -fstack-protector-strong)
sotto_harden(SOTTO_HAS_CLASH_PROTECTION -fstack-clash-protection)
sotto_harden(SOTTO_HAS_ZERO_INIT -ftrivial-auto-var-init=zero)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64|i.86)$")
    sotto_harden(SOTTO_HAS_CF_PROTECTION -fcf-protection=full)
endif()
if(NOT SOTTO_SANITIZE)
    # Some distributions define it on their own, to a lower level.
    target_compile_options(sotto_options INTERFACE
        $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
endif()
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    foreach(flags IN ITEMS CMAKE_EXE_LINKER_FLAGS CMAKE_SHARED_LINKER_FLAGS)
        set(${flags} "${${flags}} -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed")
    endforeach()
endif()

if(SOTTO_SANITIZE)
    set(sanitize_flags -fsanitize=${SOTTO_SANITIZE} -fno-omit-frame-pointer)
    target_compile_options(sotto_options INTERFACE ${sanitize_flags} -fno-sanitize-recover=all -O1 -g)
    # gcc's own instrumentation hides from it that a value fits; the builds without sanitizers keep these two.
    target_compile_options(sotto_options INTERFACE -Wno-conversion -Wno-sign-conversion)
    target_link_libraries(sotto_options INTERFACE -fsanitize=${SOTTO_SANITIZE})
endif()
