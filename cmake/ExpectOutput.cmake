# Runs a command and checks how it ends and what it prints, standard error included.
#
#   cmake -DEXPECT=<success|failure> [-DMATCH=<regex>] [-DMAX_LINES=<n>]
#         -P ExpectOutput.cmake -- <command> [<argument>...]
set(command)
set(seen_separator FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(seen_separator)
    list(APPEND command "${CMAKE_ARGV${i}}")
  elseif("${CMAKE_ARGV${i}}" STREQUAL "--")
    set(seen_separator TRUE)
  endif()
endforeach()

execute_process(COMMAND ${command} RESULT_VARIABLE result OUTPUT_VARIABLE output
                ERROR_VARIABLE output)

if(result EQUAL 0)
  set(outcome success)
else()
  set(outcome failure)
endif()
if(NOT outcome STREQUAL EXPECT)
  message(FATAL_ERROR "expected ${EXPECT}, got ${outcome} (${result}):\n${output}")
endif()

if(DEFINED MATCH AND NOT output MATCHES "${MATCH}")
  message(FATAL_ERROR "the output does not match '${MATCH}':\n${output}")
endif()

string(REGEX MATCHALL "\n" newlines "${output}")
list(LENGTH newlines lines)
if(DEFINED MAX_LINES AND lines GREATER MAX_LINES)
  message(FATAL_ERROR "the output has ${lines} lines, at most ${MAX_LINES} are wanted:\n${output}")
endif()
message(STATUS "${outcome}, ${lines} lines:\n${output}")
