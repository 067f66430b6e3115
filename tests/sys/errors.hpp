#pragma once

// What a test expects of a failed system call: std::system_error with the code, naming the call.

#include <string>
#include <system_error>

#include <gtest/gtest.h>

namespace multiprocessing::sys::test {

template <typename Steps>
void expect_system_error(int error, const std::string& call, Steps steps) {
  try {
    steps();
    ADD_FAILURE() << "nothing was thrown; expected " << call;
  } catch (const std::system_error& failure) {
    EXPECT_EQ(failure.code(), std::error_code(error, std::system_category()));
    EXPECT_EQ(std::string(failure.what()).rfind(call, 0), 0U) << failure.what();
  }
}

}  // namespace multiprocessing::sys::test
