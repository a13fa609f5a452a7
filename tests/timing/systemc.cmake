# SPDX-License-Identifier: Apache-2.0
# Tests of the SystemC cycle model; included by tests/timing/CMakeLists.txt.
add_executable(tactus_systemc_tests
  ${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/systemc_agree_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/systemc_dispatch_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/systemc_fault_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/systemc_operand_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/systemc_streamed_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/systemc_timing_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/systemc_value_test.cpp)
target_link_libraries(tactus_systemc_tests
  PRIVATE tactus::systemc tactus::fast tactus::backend tactus::lower tactus::synth
          doctest::doctest)
doctest_discover_tests(tactus_systemc_tests TEST_PREFIX "timing: " PROPERTIES LABELS timing)
