// A view through a pipe.

#include <multiprocessing/connection.hpp>

#include <string_view>

int main() {
  const auto [a, b] = multiprocessing::Pipe();
  a.send(std::string_view("hello"));
  return 0;
}
