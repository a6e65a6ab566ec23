# pabal_room(NAME USES rooms... LIBS libraries... TEST_LIBS libraries...): a folder of src/ as one static library, pabal_NAME.
#
# Include directions are enforced by the compiler: each room has its own include root with only itself in it (a link to
# its folder), and sees the roots of the rooms it USES. `#include "relay/queue.h"` from mailbox/ does not compile.
# x_test.cc files beside the code become one test program, NAME_test.
#
# What every file includes is precompiled once for all rooms, and once for all tests. Code of tests is not optimized in any
# build, nor followed by fuzzers: what they test is, and to do so with them took longer than to compile all else.
set(PABAL_ROOTS ${CMAKE_SOURCE_DIR}/build/rooms)

set(PABAL_TEST_OPTIONS -O0 -U_FORTIFY_SOURCE)
if(PABAL_FUZZ)
  list(APPEND PABAL_TEST_OPTIONS -fno-sanitize=fuzzer-no-link)
endif()
if(PABAL_PCH)
  set(often <algorithm> <chrono> <functional> <map> <memory> <optional> <string> <string_view> <variant> <vector>)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/often.cc CONTENT "int main() {}\n")
  add_library(pabal_often OBJECT ${CMAKE_BINARY_DIR}/often.cc)
  target_precompile_headers(pabal_often PRIVATE ${often})
  add_executable(pabal_often_test ${CMAKE_BINARY_DIR}/often.cc)  # a program, as tests are: -fPIE
  target_link_libraries(pabal_often_test PRIVATE GTest::gmock GTest::gtest)
  target_compile_options(pabal_often_test PRIVATE ${PABAL_TEST_OPTIONS})
  target_precompile_headers(pabal_often_test PRIVATE ${often} <filesystem> <set> <gmock/gmock.h> <gtest/gtest.h>)
endif()

# With PABAL_UNITY, files whose names do not meet are compiled as one (see unity.py): half the time for a build from nothing.
function(pabal_group target)
  if(NOT PABAL_UNITY OR target IN_LIST PABAL_ALONE)
    return()
  endif()
  execute_process(COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/unity.py 8 ${ARGN}
                  OUTPUT_VARIABLE lines OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE ";" "," lines "${lines}")
  string(REPLACE "\n" ";" lines "${lines}")
  set(number 0)
  foreach(line ${lines})
    math(EXPR number "${number} + 1")
    string(REPLACE "," ";" files "${line}")
    set_source_files_properties(${files} PROPERTIES UNITY_GROUP ${number})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # A file's own names are no other's.
  target_compile_options(${target} PRIVATE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endfunction()

function(pabal_room name)
  cmake_parse_arguments(ROOM "" "" "USES;LIBS;TEST_LIBS" ${ARGN})
  set(folder ${CMAKE_SOURCE_DIR}/src/${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")

  file(MAKE_DIRECTORY ${PABAL_ROOTS}/${name})
  if(NOT EXISTS ${PABAL_ROOTS}/${name}/${name})
    file(CREATE_LINK ${folder} ${PABAL_ROOTS}/${name}/${name} SYMBOLIC)
  endif()

  if(sources)
    add_library(pabal_${name} STATIC ${sources})
    pabal_group(pabal_${name} ${sources})
    set(scope PUBLIC)
    if(PABAL_PCH)
      target_precompile_headers(pabal_${name} REUSE_FROM pabal_often)
    endif()
  else()
    add_library(pabal_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(pabal_${name} ${scope} ${PABAL_ROOTS}/${name})
  foreach(used ${ROOM_USES})
    target_link_libraries(pabal_${name} ${scope} pabal_${used})
  endforeach()
  target_link_libraries(pabal_${name} ${scope} ${ROOM_LIBS})

  if(tests)
    add_executable(${name}_test ${tests})
    pabal_group(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE pabal_${name} ${ROOM_TEST_LIBS} GTest::gmock GTest::gtest_main)
    target_compile_options(${name}_test PRIVATE ${PABAL_TEST_OPTIONS})
    if(PABAL_PCH)
      target_precompile_headers(${name}_test REUSE_FROM pabal_often_test)
    endif()
    target_compile_definitions(${name}_test PRIVATE PABAL_SHARED_DATA="${CMAKE_SOURCE_DIR}/../shared/data")
    add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES TIMEOUT 600)
  endif()
endfunction()
