# SPDX-License-Identifier: Apache-2.0
# Tests of the frontend folders; included by tests/unit/CMakeLists.txt.
add_executable(tactus_frontend_tests
  ${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/modelfile_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/network_spread_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/network_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ref_spread_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/synth_networks_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/synth_test.cpp)
target_link_libraries(tactus_frontend_tests
  PRIVATE tactus::hdf5 tactus::network tactus::ref tactus::synth doctest::doctest)
target_compile_definitions(tactus_frontend_tests
  PRIVATE TACTUS_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
include(${doctest_DIR}/doctest.cmake)
doctest_discover_tests(tactus_frontend_tests TEST_PREFIX "unit: " PROPERTIES LABELS unit)

add_executable(tactus_lower_tests
  ${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/lower_counts_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/lower_cuts_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/lower_depthwise_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/lower_input_stationary_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/lower_overrides_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/lower_prune_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/lower_spread_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/lower_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/lower_weights_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/op_order_test.cpp)
target_link_libraries(tactus_lower_tests PRIVATE tactus::lower tactus::network tactus::program tactus::run
                                                 doctest::doctest)
doctest_discover_tests(tactus_lower_tests TEST_PREFIX "unit: " PROPERTIES LABELS unit)
