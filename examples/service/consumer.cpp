// Does jobs until the results of COUNT of them are there: service_consumer PATH COUNT

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "service.hpp"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: service_consumer PATH COUNT\n";
    return 2;
  }
  const service::mp::BaseManager manager = service::manager_at(argv[1]);
  manager.connect();
  const auto jobs = manager.get<service::Jobs>("jobs");
  const auto results = manager.get<service::Results>("results");
  const auto count = static_cast<std::size_t>(std::atoi(argv[2]));
  std::cout << "consuming, with " << results.size() << " results there" << std::endl;
  while (results.size() < count) {
    const auto job = jobs.try_get(std::chrono::milliseconds(100));
    if (!job) continue;
    results.set(job->number, "done: " + job->text);
    jobs.task_done();
  }
  for (int number = 0; number < static_cast<int>(count); ++number) {
    if (results.at(number) != "done: job " + std::to_string(number)) return 1;
  }
  std::cout << "all " << count << " jobs are done" << std::endl;
}
