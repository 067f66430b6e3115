// Two programs that know an address and a key: Python's example of Listener and Client. The other
// end may as well be Python, as long as both send bytes.

#include <multiprocessing/connection.hpp>
#include <multiprocessing/process.hpp>

#include <array>
#include <iostream>
#include <string>
#include <vector>

namespace mp = multiprocessing;

void serve(const mp::Listener& listener) {
  const mp::Connection conn = listener.accept();
  conn.send(std::vector<double>{2.25, 0.5, 17});
  conn.send_bytes(std::string("hello"));
  conn.send_bytes(std::array<std::byte, 4>{std::byte{42}, std::byte{17}});
}

int main() {
  const mp::Listener listener({"localhost", 0}, {.authkey = "secret password"});
  mp::Process server(serve, listener);
  server.start();

  const mp::Connection conn = mp::Client(listener.address(), {.authkey = "secret password"});
  for (const double number : conn.recv<std::vector<double>>()) std::cout << number << ' ';
  std::cout << '\n' << conn.recv_bytes().size() << " bytes\n";
  std::vector<std::byte> buffer(10);
  std::cout << conn.recv_bytes_into(buffer) << " bytes, of which the first is "
            << std::to_integer<int>(buffer.front()) << '\n';
  server.join();
}
