# SPDX-License-Identifier: Apache-2.0
# Tests of sim/explore; included by tests/unit/CMakeLists.txt.
file(GLOB property_cases CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/property/case*.cpp)
add_executable(tactus_explore_tests
  ${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp
  ${property_cases}
  ${CMAKE_CURRENT_LIST_DIR}/explore_parts_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/explore_test.cpp)
target_link_libraries(tactus_explore_tests
  PRIVATE tactus::explore tactus::synth tactus::lower tactus::program tactus::run doctest::doctest)
doctest_discover_tests(tactus_explore_tests TEST_PREFIX "unit: " PROPERTIES LABELS unit)
