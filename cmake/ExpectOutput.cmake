# Runs a command and checks how it ends and what it prints.
#
#   cmake -DEXPECT=<success|failure> [-DMATCH=<regex>] [-DMAX_LINES=<n>]
#         [-DSTDOUT_FILE=<file> [-DUNORDERED=<bool>] [-DSTDERR=<regex>]]
#         -P ExpectOutput.cmake -- <command> [<argument>...]
#
# MATCH and MAX_LINES look at standard output and standard error together. With STDOUT_FILE,
# standard output must be that text, in which {name} stands for a number, the same one wherever the
# name is the same, and {...} for the rest of a line; with UNORDERED the lines may come in any order.
cmake_policy(VERSION 3.25)

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

if(DEFINED STDOUT_FILE)
  execute_process(COMMAND ${command} RESULT_VARIABLE result OUTPUT_VARIABLE output
                  ERROR_VARIABLE errors)
else()
  execute_process(COMMAND ${command} RESULT_VARIABLE result OUTPUT_VARIABLE output
                  ERROR_VARIABLE output)
endif()

if(result EQUAL 0)
  set(outcome success)
else()
  set(outcome failure)
endif()
if(NOT outcome STREQUAL EXPECT)
  message(FATAL_ERROR "expected ${EXPECT}, got ${outcome} (${result}):\n${output}${errors}")
endif()

# Sorts the lines of the text in the variable; none may have a semicolon.
function(sort_lines variable)
  string(REPLACE "\n" ";" lines "${${variable}}")
  list(SORT lines)
  list(JOIN lines "\n" lines)
  set(${variable} "${lines}" PARENT_SCOPE)
endfunction()

if(DEFINED STDOUT_FILE)
  file(READ "${STDOUT_FILE}" expected)
  set(printed "${output}")
  if(UNORDERED)
    sort_lines(expected)
    sort_lines(printed)
  endif()
  string(REGEX MATCHALL "{[a-z_]+}" names "${expected}")
  string(REGEX REPLACE "([][.*+?^$()|\\])" "\\\\\\1" pattern "${expected}")
  string(REPLACE "{\\.\\.\\.}" "[^\n]*" pattern "${pattern}")
  string(REGEX REPLACE "{[a-z_]+}" "([0-9.]+)" pattern "${pattern}")
  if(NOT printed MATCHES "^${pattern}$")
    message(FATAL_ERROR "expected:\n${expected}\nprinted:\n${printed}")
  endif()
  set(group 0)
  foreach(name IN LISTS names)
    math(EXPR group "${group} + 1")
    if(DEFINED "value${name}" AND NOT "${value${name}}" STREQUAL "${CMAKE_MATCH_${group}}")
      message(FATAL_ERROR "${name} is both ${value${name}} and ${CMAKE_MATCH_${group}}:\n${output}")
    endif()
    set("value${name}" "${CMAKE_MATCH_${group}}")
  endforeach()
endif()
if(DEFINED STDERR AND NOT errors MATCHES "${STDERR}")
  message(FATAL_ERROR "standard error does not match '${STDERR}':\n${errors}")
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
