# SPDX-License-Identifier: Apache-2.0
# Tests of ref, energy and report; included by tests/unit/CMakeLists.txt.
find_package(nlohmann_json 3.11 REQUIRED)
add_executable(tactus_report_tests
  ${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/energy_table_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ref_exact_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ref_network_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/report_json_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/report_test.cpp)
target_link_libraries(tactus_report_tests
  PRIVATE tactus::ref tactus::energy tactus::report nlohmann_json::nlohmann_json doctest::doctest)
target_compile_definitions(tactus_report_tests
  PRIVATE TACTUS_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
include(${doctest_DIR}/doctest.cmake)
doctest_discover_tests(tactus_report_tests)

add_executable(tactus_triage_tests
  ${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp triage_probe_test.cpp triage_test.cpp)
target_include_directories(tactus_triage_tests PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
target_link_libraries(tactus_triage_tests PRIVATE
  doctest::doctest tactus::triage tactus::lower tactus::fast tactus::ref)
doctest_discover_tests(tactus_triage_tests TEST_PREFIX "unit: " PROPERTIES LABELS unit)

add_executable(tactus_accumulator_tests
  ${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp accumulators_test.cpp)
target_link_libraries(tactus_accumulator_tests PRIVATE doctest::doctest tactus::run)
doctest_discover_tests(tactus_accumulator_tests TEST_PREFIX "unit: " PROPERTIES LABELS unit)
