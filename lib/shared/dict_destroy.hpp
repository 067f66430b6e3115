#pragma once

// The end of a dict.

#include "shm/object.hpp"

namespace multiprocessing::shared {

/// Frees pages, records and directory. May run again after a death, from the start.
void destroy_dict(shm::ObjectHeader& object) noexcept;

}  // namespace multiprocessing::shared
