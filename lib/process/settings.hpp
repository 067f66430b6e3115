#pragma once

// What ProcessOptions ask of a child's surroundings.

#include <multiprocessing/detail/process_options.hpp>

namespace multiprocessing::process {

/// In the child. Without settings, too, standard input becomes /dev/null.
/// \throws std::system_error naming the call that was refused.
void apply_settings(const ProcessOptions* settings);

}  // namespace multiprocessing::process
