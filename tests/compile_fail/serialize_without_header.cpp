// A class with serialize() needs serialization.hpp.

#include <multiprocessing/detail/codec.hpp>

class Job {
 public:
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive & id_;
  }

 private:
  int id_ = 0;
};

void send(multiprocessing::detail::Writer& out, const Job& job) {
  multiprocessing::detail::encode_value(out, job);
}
