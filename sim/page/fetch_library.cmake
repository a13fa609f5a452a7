# SPDX-License-Identifier: Apache-2.0
# cmake -D NPM=... -D SOURCE=<folder of package-lock.json> -D WORK=<folder> -D OUT=<file> -P this
# Gets ECharts with npm, which checks it against the integrity hashes of package-lock.json. Where
# that does not work OUT is an empty file: tactus then says that it has no pages.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(problem "npm is not installed")
if(NPM)
  file(COPY ${SOURCE}/package.json ${SOURCE}/package-lock.json DESTINATION ${WORK})
  execute_process(
    COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error
            --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=30000
    WORKING_DIRECTORY ${WORK} RESULT_VARIABLE code OUTPUT_QUIET ERROR_VARIABLE messages TIMEOUT 120)
  set(problem "")
  if(NOT code EQUAL 0)
    string(REGEX REPLACE "\n.*" "" problem "npm ci failed: ${messages}")
  endif()
endif()
set(script ${WORK}/node_modules/echarts/dist/echarts.min.js)
if(problem STREQUAL "" AND NOT EXISTS ${script})
  set(problem "the package has no dist/echarts.min.js")
endif()
if(problem STREQUAL "")
  configure_file(${script} ${OUT} COPYONLY)
  file(REMOVE_RECURSE ${WORK})
else()
  message("result pages: no charting library, tactus report --html will refuse (${problem})")
  file(WRITE ${OUT} "")
endif()
