# SPDX-License-Identifier: ISC
#
# How a test joins the build. ctest runs them; labels choose: ctest -L unit, -L vectors, -L sim.

set(SOTTO_TEST_BINARIES ${CMAKE_BINARY_DIR}/tests)

# Where the public test vectors are (they are not part of the repository).
set(SOTTO_VECTORS_FOUND "$ENV{SOTTO_VECTORS}")
if(SOTTO_VECTORS_FOUND STREQUAL "" AND EXISTS ${PROJECT_SOURCE_DIR}/../shared/vectors)
    get_filename_component(SOTTO_VECTORS_FOUND ${PROJECT_SOURCE_DIR}/../shared/vectors REALPATH)
endif()

# sotto_test(NAME LABEL SOURCES source... LIBS lib...): the program test_NAME, run by ctest under LABEL.
function(sotto_test name label)
    cmake_parse_arguments(TEST "" "" "SOURCES;LIBS" ${ARGN})
    add_executable(test_${name} ${TEST_SOURCES})
    target_link_libraries(test_${name} PRIVATE ${TEST_LIBS} sotto_options dep_cmocka)
    set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${SOTTO_TEST_BINARIES})
    add_test(NAME ${name} COMMAND test_${name})
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 600)
endfunction()

# sotto_test_part(NAME lib...): NAME.c of this folder, compiled once for the tests that name it among their libraries.
function(sotto_test_part name)
    add_library(${name} STATIC ${name}.c)
    target_link_libraries(${name} PUBLIC ${ARGN} sotto_options dep_cmocka)
endfunction()

# sotto_unit_test(NAME lib...): NAME_test.c of this folder.
# sotto_unit_test(NAME SOURCES a.c b.c LIBS lib...): the same from named sources.
function(sotto_unit_test name)
    if("SOURCES" IN_LIST ARGN)
        sotto_test(${name} unit ${ARGN})
    else()
        sotto_test(${name} unit SOURCES ${name}_test.c LIBS ${ARGN})
    endif()
endfunction()

# sotto_vector_test: as sotto_unit_test, for a test that reads the public vectors in the directory that the environment
# variable SOTTO_VECTORS names. Exit code 77 says that they are not there: skipped (./check decides if that may be).
function(sotto_vector_test name)
    if("SOURCES" IN_LIST ARGN)
        sotto_test(${name} vectors ${ARGN})
    else()
        sotto_test(${name} vectors SOURCES ${name}_test.c LIBS ${ARGN})
    endif()
    set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
    if(NOT SOTTO_VECTORS_FOUND STREQUAL "")
        set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT SOTTO_VECTORS=${SOTTO_VECTORS_FOUND})
    endif()
endfunction()
