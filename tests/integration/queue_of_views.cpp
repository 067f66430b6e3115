// A queue of views is refused where it is made.

#include <multiprocessing/queues.hpp>

#include <string_view>

void make() {
  multiprocessing::Queue<std::string_view> queue;
}
