#pragma once

// What dump_state says about a pool. For shm::register_describer.

#include <string>

#include "shm/inspect.hpp"

namespace multiprocessing::pool {

void describe_pool(shm::ObjectHeader& object, std::string& out);

}  // namespace multiprocessing::pool
