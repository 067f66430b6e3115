#pragma once

/// \file wire/kept_tracebacks.hpp
/// Tracebacks of exceptions that cannot carry their own: of final classes, numbers and the like.

#include <exception>
#include <string>

namespace multiprocessing::wire {

/// Empty if none was kept, or it was pushed out by 32 later ones.
std::string kept_traceback(const std::exception_ptr& exception);

}  // namespace multiprocessing::wire
