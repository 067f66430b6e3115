#pragma once

// The functions on start methods, which are public: context.hpp.

#include <string_view>
#include <vector>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/process_options.hpp>

namespace multiprocessing {

/// Sets the start method of everything that names none. Once, unless `force`.
/// \throws ValueError if it is set already, also by having been used.
MULTIPROCESSING_API void set_start_method(StartMethod method, bool force = false);

/// The start method of everything that names none: fork, if nobody sets another. To ask settles it.
[[nodiscard]] MULTIPROCESSING_API StartMethod get_start_method();

/// The default first.
[[nodiscard]] MULTIPROCESSING_API std::vector<StartMethod> get_all_start_methods();

/// To be the first line of main() in programs that use spawn or forkserver. In a process that was
/// started by these it does that process's work and does not return; anywhere else it returns at
/// once. What stands before it, and every static constructor, runs in such processes, too.
MULTIPROCESSING_API void freeze_support(int argc, char** argv);

namespace detail {

/// \throws ValueError naming the methods there are.
[[nodiscard]] MULTIPROCESSING_API StartMethod start_method_named(std::string_view name);
[[noreturn]] MULTIPROCESSING_API void refuse_start_method(StartMethod own);

}  // namespace detail
}  // namespace multiprocessing
