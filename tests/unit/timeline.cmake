# SPDX-License-Identifier: Apache-2.0
# Tests of traces/timeline; included by tests/unit/CMakeLists.txt.
add_executable(tactus_timeline_tests
  ${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp timeline_test.cpp)
target_link_libraries(tactus_timeline_tests PRIVATE doctest::doctest tactus::timeline)
doctest_discover_tests(tactus_timeline_tests TEST_PREFIX "unit: " PROPERTIES LABELS unit)
