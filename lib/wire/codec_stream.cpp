#include <algorithm>
#include <cstring>
#include <new>
#include <string>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

void throw_truncated() {
  throw TransferError("a message ends too early");
}

void throw_too_deep() {
  throw TransferError("a value is nested deeper than " + std::to_string(kMaxDepth) + " levels");
}

void throw_malformed(const char* what) {
  throw TransferError(std::string("a message cannot be read: ") + what);
}

void throw_untrusted(const char* what) {
  throw TransferError(std::string(what) + " is not accepted from outside of this program's family");
}

namespace {

constexpr std::align_val_t kAlignment{64};

}  // namespace

Writer::~Writer() {
  if (source_ == nullptr && data_ != inline_) ::operator delete(data_, kAlignment);
}

void Writer::grow(std::size_t more) {
  const std::size_t wanted = std::max(size_ + more, capacity_ * 2);
  if (source_ != nullptr) {
    const auto buffer = source_->grow(view(), wanted);
    data_ = buffer.data();
    capacity_ = buffer.size();
    return;
  }
  auto* larger = static_cast<std::byte*>(::operator new(wanted, kAlignment));
  std::memcpy(larger, data_, size_);
  if (data_ != inline_) ::operator delete(data_, kAlignment);
  data_ = larger;
  capacity_ = wanted;
}

}  // namespace multiprocessing::detail
