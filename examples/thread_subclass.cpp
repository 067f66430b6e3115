// In Python a subclass of Thread overrides run(), which works on the object's own attributes; after
// join() the caller reads the result from them. make_thread keeps the object alive as long as its
// thread, as Python does.

#include <multiprocessing/threading.hpp>

#include <iostream>
#include <numeric>
#include <utility>
#include <vector>

namespace threading = multiprocessing::threading;

class Summer : public threading::Thread {
 public:
  explicit Summer(std::vector<int> numbers) : numbers_(std::move(numbers)) {}
  void run() override { result_ = std::accumulate(numbers_.begin(), numbers_.end(), 0); }
  [[nodiscard]] int result() const { return result_; }

 private:
  std::vector<int> numbers_;
  int result_ = 0;
};

int main() {
  const auto summer = threading::make_thread<Summer>(std::vector{1, 2, 3, 4});
  summer->start();
  summer->join();
  std::cout << "the sum is " << summer->result() << '\n';
}
