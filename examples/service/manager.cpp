// Keeps what producer and consumer share: service_manager PATH

#include <iostream>

#include "service.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: service_manager PATH\n";
    return 2;
  }
  const service::mp::BaseManager manager = service::manager_at(argv[1]);
  const service::Jobs jobs(100, service::mp::OnDeath::requeue);
  manager.register_type<service::Jobs>("jobs", [jobs] { return jobs; });
  manager.register_type<service::Results>("results");
  manager.register_type<service::Next>("next");
  const service::mp::Server server = manager.get_server();
  std::cout << "serving at " << server.address() << std::endl;  // whoever started it waits for this
  server.serve_forever();
}
