#pragma once

// The default start method of this process, and whether the program may be executed anew.

#include <multiprocessing/detail/process_options.hpp>

namespace multiprocessing::process {

/// "fork", "forkserver" or "spawn".
[[nodiscard]] const char* name_of(StartMethod method) noexcept;

/// What was set, or fork, which stays the default from then on.
[[nodiscard]] StartMethod default_method() noexcept;

/// For a child that is not forked: -1 if nothing was set.
[[nodiscard]] int inheritable_method() noexcept;
void set_inherited_method(int method) noexcept;

/// \throws ValueError that says what to add where, unless main() calls freeze_support.
void require_freeze_support(StartMethod method);

}  // namespace multiprocessing::process
