// Puts jobs, from where the last producer has come to: service_producer PATH COUNT

#include <cstdlib>
#include <iostream>

#include "service.hpp"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: service_producer PATH COUNT\n";
    return 2;
  }
  const service::mp::BaseManager manager = service::manager_at(argv[1]);
  manager.connect();
  const auto jobs = manager.get<service::Jobs>("jobs");
  const auto next = manager.get<service::Next>("next");
  const int count = std::atoi(argv[2]);
  std::cout << "producing from job " << next.get() << std::endl;
  // Killed between the two steps, it puts that job again when it is started anew.
  for (int number = next.get(); number < count; ++number) {
    jobs.put(service::Job{number, "job " + std::to_string(number)});
    next.set(number + 1);
  }
  std::cout << "all " << count << " jobs are put" << std::endl;
}
