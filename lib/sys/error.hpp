#pragma once

/// \file sys/error.hpp
/// A failed system call as std::system_error, always naming the call.

#include <string>

namespace multiprocessing::sys {

/// \throws std::system_error with `error` as its code and "call" or "call: detail" in front.
[[noreturn]] void throw_error(int error, const char* call, const std::string& detail = {});

/// The same with the present `errno`. Building `detail` must not change `errno`; where it may,
/// save the value and use `throw_error`.
[[noreturn]] void throw_errno(const char* call, const std::string& detail = {});

}  // namespace multiprocessing::sys
