// A class with private fields is told all ways out.

#include <multiprocessing/detail/codec.hpp>

class Job {
 public:
  explicit Job(int id) : id_(id) {}

 private:
  int id_;
};

void send(multiprocessing::detail::Writer& out, const Job& job) {
  multiprocessing::detail::encode_value(out, job);
}
