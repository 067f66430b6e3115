// In Python the child puts a list of mixed values into a Queue, and the parent gets and prints it.
// In C++ such a list is a struct; it needs nothing else to cross.

#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

#include <iostream>
#include <optional>
#include <string>

namespace mp = multiprocessing;

struct Message {
  int number = 0;
  std::optional<int> nothing;
  std::string word;
};

void answer(const mp::Queue<Message>& q) {
  q.put({42, {}, "hello"});
}

int main() {
  const mp::Queue<Message> q;
  mp::Process p(answer, q);
  p.start();
  const auto [number, nothing, word] = q.get();
  std::cout << '[' << number << ", " << (nothing ? "something" : "None") << ", '" << word << "']\n";
  p.join();
}
