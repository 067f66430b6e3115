// The message names the struct, the field and its type.

#include <multiprocessing/detail/codec.hpp>

#include <string>
#include <vector>

struct Job {
  int id;
  std::string url;
  int* result;
};

void send(multiprocessing::detail::Writer& out, const std::vector<Job>& jobs) {
  multiprocessing::detail::encode_value(out, jobs);
}
