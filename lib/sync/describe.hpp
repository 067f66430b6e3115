#pragma once

// What dump_state says about locks and their like. For shm::register_describer.

#include <string>

#include "shm/inspect.hpp"

namespace multiprocessing::sync {

void describe_lock(shm::ObjectHeader& object, std::string& out);
void describe_semaphore(shm::ObjectHeader& object, std::string& out);
void describe_event(shm::ObjectHeader& object, std::string& out);
void describe_condition(shm::ObjectHeader& object, std::string& out);
void describe_barrier(shm::ObjectHeader& object, std::string& out);

}  // namespace multiprocessing::sync
