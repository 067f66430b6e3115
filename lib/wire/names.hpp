#pragma once

/// \file wire/names.hpp
/// Types as people write them.

#include <string>
#include <string_view>

namespace multiprocessing::wire {

/// The name that a mangled symbol or type stands for; itself if it is none.
std::string demangle(const char* mangled);

/// Takes default template arguments and inline namespaces out of a demangled name.
std::string without_noise(std::string name);

/// "ValueError" for "multiprocessing::ValueError".
std::string_view without_our_namespace(std::string_view name);

}  // namespace multiprocessing::wire
