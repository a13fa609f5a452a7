# SPDX-License-Identifier: Apache-2.0
# Tests of models/arch, models/program and models/backend; included by tests/unit/CMakeLists.txt.
add_executable(tactus_program_tests
  ${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/arch_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/program_encode_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/validator_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/lock_step_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/retire_checker_test.cpp)
target_link_libraries(tactus_program_tests
  PRIVATE tactus::arch tactus::program tactus::backend doctest::doctest)
target_compile_definitions(tactus_program_tests
  PRIVATE TACTUS_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
include(${doctest_DIR}/doctest.cmake)
doctest_discover_tests(tactus_program_tests TEST_PREFIX "unit: " PROPERTIES LABELS unit)

# The committed SystemVerilog package is what the generator writes.
set(fresh_pkg ${CMAKE_CURRENT_BINARY_DIR}/tactus_op_pkg.sv)
add_test(NAME "unit: generate op package" COMMAND tactus_gen_sv ${fresh_pkg})
add_test(NAME "unit: op package is not stale"
  COMMAND ${CMAKE_COMMAND} -E compare_files --ignore-eol ${fresh_pkg}
          ${PROJECT_SOURCE_DIR}/rtl/include/tactus_op_pkg.sv)
set_tests_properties("unit: generate op package" PROPERTIES FIXTURES_SETUP op_pkg LABELS unit)
set_tests_properties("unit: op package is not stale" PROPERTIES FIXTURES_REQUIRED op_pkg LABELS unit)
