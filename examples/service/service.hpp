#pragma once

// What the three programs of the service agree on: where they meet, and what they exchange.

#include <string>

#include <multiprocessing/managers.hpp>

namespace service {

namespace mp = multiprocessing;

struct Job {
  int number = 0;
  std::string text;
};

/// A consumer that dies with a job in its hands has not done it: the job is put back.
using Jobs = mp::JoinableQueue<Job>;
/// What became of each job, by its number: to do one twice changes nothing.
using Results = mp::Dict<int, std::string>;
/// The number of the next job: kept where it outlives the producer.
using Next = mp::Value<int>;

inline mp::BaseManager manager_at(const char* path) {
  return mp::BaseManager(path, {.authkey = "the service's key"});
}

}  // namespace service
