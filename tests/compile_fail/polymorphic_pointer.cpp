// A pointer to a base class needs an archive.

#include <multiprocessing/detail/codec.hpp>

#include <memory>

struct Shape {
  virtual ~Shape() = default;
};

void send(multiprocessing::detail::Writer& out, const std::unique_ptr<Shape>& shape) {
  multiprocessing::detail::encode_value(out, shape);
}
