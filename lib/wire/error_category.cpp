#include "wire/error_category.hpp"

#include <atomic>
#include <future>
#include <ios>
#include <memory>
#include <string>
#include <utility>

#include <multiprocessing/detail/codec.hpp>

namespace multiprocessing::wire {

namespace {

/// Stands for a category that exists in the other process only.
class ForeignCategory final : public std::error_category {
 public:
  explicit ForeignCategory(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] const char* name() const noexcept override { return name_.c_str(); }
  [[nodiscard]] std::string message(int value) const override {
    return name_ + " error " + std::to_string(value);
  }

  const ForeignCategory* next = nullptr;

 private:
  std::string name_;
};

const ForeignCategory* find(const ForeignCategory* from, const std::string& name) {
  while (from != nullptr && name != from->name()) from = from->next;
  return from;
}

/// Categories are compared by address, so one of each name is kept for ever. No lock: a child that
/// is forked meanwhile must not find it held.
const std::error_category& foreign_category(const std::string& name) {
  static std::atomic<const ForeignCategory*> first{nullptr};
  const ForeignCategory* seen = first.load(std::memory_order_acquire);  // [C]
  auto made = std::make_unique<ForeignCategory>(name);
  for (;;) {
    if (const ForeignCategory* known = find(seen, name)) return *known;
    made->next = seen;
    if (first.compare_exchange_weak(seen, made.get(), std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {  // [C]
      return *made.release();
    }
  }
}

const std::error_category& category_named(const std::string& name) {
  for (const std::error_category* known : {&std::generic_category(), &std::system_category(),
                                           &std::iostream_category(), &std::future_category()}) {
    if (name == known->name()) return *known;
  }
  return foreign_category(name);
}

}  // namespace

void encode_error_code(detail::Writer& out, const std::error_code& code) {
  detail::encode_value(out, std::string(code.category().name()));
  out.plain(code.value());
}

std::error_code decode_error_code(detail::Reader& in) {
  const auto name = detail::decode_value<std::string>(in);
  const auto value = in.plain<int>();
  return {value, category_named(name)};
}

}  // namespace multiprocessing::wire
