// An aggregate with a base class cannot be taken apart.

#include <multiprocessing/detail/codec.hpp>

struct Named {
  int name;
};
struct Job : Named {
  int id;
};

void send(multiprocessing::detail::Writer& out, const Job& job) {
  multiprocessing::detail::encode_value(out, job);
}
