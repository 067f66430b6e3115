#pragma once

// What dump_state says about a queue. For shm::register_describer.

#include <string>

#include "shm/inspect.hpp"

namespace multiprocessing::lanes {

void describe_queue(shm::ObjectHeader& object, std::string& out);

}  // namespace multiprocessing::lanes
