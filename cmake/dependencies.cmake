# SPDX-License-Identifier: ISC
#
# Every library that sotto uses, as one interface target each, found by pkg-config alone.
#
# On a system whose OpenSSL or SQLCipher is too old, scripts/deps leaves a private directory with static ones under
# the user's cache. It is found here without being named, its modules come before the system's, and they are linked
# statically; nothing else is.

find_package(PkgConfig REQUIRED)

# --- the private directory, if there is one ---------------------------------------------------------------------
set(SOTTO_PRIVATE_PREFIX "" CACHE PATH "Directory with private OpenSSL and SQLCipher (empty: where scripts/deps puts it)")
if(SOTTO_PRIVATE_PREFIX)
    set(sotto_prefix ${SOTTO_PRIVATE_PREFIX})
elseif(NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
    set(sotto_prefix $ENV{XDG_CACHE_HOME}/sotto/deps/current)
else()
    set(sotto_prefix $ENV{HOME}/.cache/sotto/deps/current)
endif()
if(EXISTS ${sotto_prefix}/.complete)
    get_filename_component(sotto_prefix ${sotto_prefix} REALPATH)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sotto_prefix}/.complete)
    message(STATUS "Private OpenSSL and SQLCipher: ${sotto_prefix}")
    set(ENV{PKG_CONFIG_PATH} "${sotto_prefix}/lib/pkgconfig:$ENV{PKG_CONFIG_PATH}")
else()
    set(sotto_prefix "")
endif()
# What pkg-config said of another prefix is not true of this one.
if(NOT "${SOTTO_PREFIX_SEEN}" STREQUAL "${sotto_prefix}")
    foreach(name crypto ssl sqlite3 sqlcipher uv jansson inih seccomp utf8proc cmocka)
        unset(__pkg_config_checked_SOTTO_${name} CACHE)
    endforeach()
    set(SOTTO_PREFIX_SEEN "${sotto_prefix}" CACHE INTERNAL "")
endif()

# sotto_dependency(NAME MODULE): the target dep_NAME for pkg-config's MODULE, e.g. libcrypto>=3.5.
# Headers come in as system headers: their warnings are not ours.
function(sotto_dependency name module)
    if(sotto_prefix)
        # A module of the private directory by that name, or the system's.
        string(REGEX REPLACE "[<>=].*" "" bare_module ${module})
    endif()
    pkg_check_modules(SOTTO_${name} ${ARGN} ${module})
    if(NOT SOTTO_${name}_FOUND)
        if("${ARGN}" MATCHES "QUIET")
            return()
        endif()
        message(FATAL_ERROR
            "${module} was not found. scripts/deps installs everything that sotto needs (scripts/deps --help).")
    endif()

    set(kind SOTTO_${name})
    set(libraries ${SOTTO_${name}_LDFLAGS})
    if(sotto_prefix AND EXISTS ${sotto_prefix}/lib/pkgconfig/${bare_module}.pc)
        set(kind SOTTO_${name}_STATIC)
        # Archives by their paths: -L and -l would find the system's library of the same name, should another
        # dependency have named its directory first.
        set(libraries "")
        foreach(flag IN LISTS SOTTO_${name}_STATIC_LDFLAGS)
            string(REGEX REPLACE "^-l" "" library ${flag})
            if(flag MATCHES "^-l" AND EXISTS ${sotto_prefix}/lib/lib${library}.a)
                list(APPEND libraries ${sotto_prefix}/lib/lib${library}.a)
            elseif(NOT flag MATCHES "^-L")
                list(APPEND libraries ${flag})
            endif()
        endforeach()
    endif()
    add_library(dep_${name} INTERFACE)
    target_include_directories(dep_${name} SYSTEM INTERFACE ${${kind}_INCLUDE_DIRS})
    target_compile_options(dep_${name} INTERFACE ${${kind}_CFLAGS_OTHER})
    target_link_libraries(dep_${name} INTERFACE ${libraries})
endfunction()

sotto_dependency(crypto libcrypto>=3.5)
sotto_dependency(ssl libssl>=3.5)
sotto_dependency(sqlite3 sqlite3>=3.40)
sotto_dependency(sqlcipher sqlcipher>=3.46) # the version of SQLite in it: SQLCipher 4.6 is the first with this one
sotto_dependency(uv libuv>=1.44)
sotto_dependency(jansson jansson>=2.14)
sotto_dependency(inih inih>=55)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    sotto_dependency(seccomp libseccomp>=2.5)
endif()
sotto_dependency(utf8proc libutf8proc>=2.5)

target_link_libraries(dep_ssl INTERFACE dep_crypto)
target_link_libraries(dep_sqlcipher INTERFACE dep_crypto)
target_compile_definitions(dep_sqlcipher INTERFACE SQLITE_HAS_CODEC)

# So that --version can say whose OpenSSL it is.
if(sotto_prefix AND EXISTS ${sotto_prefix}/lib/pkgconfig/libcrypto.pc)
    target_compile_definitions(dep_crypto INTERFACE SOTTO_OPENSSL_PRIVATE=1)
else()
    target_compile_definitions(dep_crypto INTERFACE SOTTO_OPENSSL_PRIVATE=0)
endif()

# SQLite and SQLCipher export the same names and the linker takes whichever comes first, silently: with the wrong one
# a keyed store is written in plain text. CMake refuses a target that reaches both.
foreach(name sqlite3 sqlcipher)
    set_property(TARGET dep_${name} APPEND PROPERTY COMPATIBLE_INTERFACE_STRING SOTTO_SQLITE_KIND)
    set_property(TARGET dep_${name} PROPERTY INTERFACE_SOTTO_SQLITE_KIND ${name})
endforeach()

if(SOTTO_TESTS STREQUAL "AUTO")
    sotto_dependency(cmocka cmocka>=1.1.5 QUIET)
    if(NOT TARGET dep_cmocka)
        message(STATUS "cmocka was not found: the tests are not built (scripts/deps --test installs it)")
        set(SOTTO_TESTS OFF)
    endif()
elseif(SOTTO_TESTS)
    sotto_dependency(cmocka cmocka>=1.1.5)
endif()
