#pragma once

// What dump_state says about shared values and containers. For shm::register_describer.

#include <string>

#include "shm/inspect.hpp"

namespace multiprocessing::shared {

void describe_value(shm::ObjectHeader& object, std::string& out);  // a Value or an Array
void describe_dict(shm::ObjectHeader& object, std::string& out);
void describe_list(shm::ObjectHeader& object, std::string& out);

}  // namespace multiprocessing::shared
