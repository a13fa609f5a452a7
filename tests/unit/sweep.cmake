# SPDX-License-Identifier: Apache-2.0
# Tests of sim/sweep; included by tests/unit/CMakeLists.txt.
add_executable(tactus_sweep_tests
  ${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/sweep_spec_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/sweep_store_test.cpp)
target_link_libraries(tactus_sweep_tests PRIVATE tactus::sweep doctest::doctest)
doctest_discover_tests(tactus_sweep_tests TEST_PREFIX "unit: " PROPERTIES LABELS unit)
