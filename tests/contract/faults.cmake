# SPDX-License-Identifier: Apache-2.0
# A second tactus whose SystemC model has the seeded faults compiled in, and the test that check
# finds every fault of both models. Included by CMakeLists.txt.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
pkg_check_modules(SYSTEMC REQUIRED IMPORTED_TARGET systemc>=2.3.4)

# Same sources and links as `original`, with TACTUS_FAULTS.
function(tactus_faulty_copy original directory copy)
  get_target_property(sources ${original} SOURCES)
  list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/${directory}/)
  add_library(${copy} STATIC EXCLUDE_FROM_ALL ${sources})
  target_include_directories(${copy} PUBLIC ${PROJECT_SOURCE_DIR}/models ${PROJECT_SOURCE_DIR}/sim)
  target_compile_definitions(${copy} PRIVATE
    TACTUS_FAULTS SC_INCLUDE_DYNAMIC_PROCESSES TACTUS_WITH_SYSTEMC=1 TACTUS_WITH_RTL=1)
endfunction()

tactus_faulty_copy(tactus_systemc models/systemc tactus_systemc_faults)
target_link_libraries(tactus_systemc_faults
  PUBLIC tactus::program tactus::arch tactus::events
  PRIVATE tactus::memory tactus::numerics PkgConfig::SYSTEMC)
tactus_faulty_copy(tactus_run sim/run tactus_run_faults)
target_link_libraries(tactus_run_faults
  PUBLIC tactus::report tactus::energy tactus::hdf5 tactus::network tactus::backend tactus::triage tactus::lower
         tactus::program tactus::arch
  PRIVATE tactus::ref tactus::fast tactus::waves tactus_systemc_faults tactus::rtl_host)

# The tool itself with these libraries in place of its own.
get_target_property(cli_sources tactus SOURCES)
get_target_property(cli_links tactus LINK_LIBRARIES)
list(TRANSFORM cli_sources PREPEND ${PROJECT_SOURCE_DIR}/sim/)
list(REMOVE_ITEM cli_links tactus::run)
add_executable(tactus_faults ${cli_sources})
target_compile_definitions(tactus_faults PRIVATE TACTUS_WITH_RTL=1)
target_link_libraries(tactus_faults PRIVATE tactus_run_faults ${cli_links})

add_test(NAME "contract: check finds every seeded fault"
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/faults_test.py $<TARGET_FILE:tactus_faults>
          ${PROJECT_SOURCE_DIR}/traces/models)
set_tests_properties("contract: check finds every seeded fault" PROPERTIES
  LABELS contract TIMEOUT 300)
