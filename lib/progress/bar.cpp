#include <memory>
#include <utility>

#include <multiprocessing/progress.hpp>

#include "progress/bar_state.hpp"
#include "progress/screen.hpp"

namespace multiprocessing::detail {

using progress::decorate;

ProgressBar::ProgressBar(TqdmOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}

ProgressBar::~ProgressBar() {
  if (state_->is_ours()) close();
}

void ProgressBar::flush() noexcept {
  const std::uint32_t pending = pending_.exchange(0, std::memory_order_relaxed);
  stride_ = state_->advance(pending);
}

void ProgressBar::update(std::int64_t items) noexcept {
  state_->update(items);
}

std::int64_t ProgressBar::done() const noexcept {
  return state_->done() + pending_.load(std::memory_order_relaxed);
}

std::optional<std::size_t> ProgressBar::total() const noexcept {
  return state_->total();
}

void ProgressBar::set_description(std::string_view text) noexcept {
  decorate([&] { state_->set(&TqdmOptions::desc, text); });
}

void ProgressBar::set_postfix(std::string_view text) noexcept {
  decorate([&] { state_->set_postfix(text); });
}

void ProgressBar::refresh() noexcept {
  state_->show(done());
}

void ProgressBar::reset(std::optional<std::size_t> total) noexcept {
  pending_.store(0, std::memory_order_relaxed);
  state_->reset(total);
}

void ProgressBar::close() noexcept {
  state_->close(done());
}

void ProgressBar::write(std::string_view text) noexcept {
  decorate([&] { progress::screen.print(text); });
}

}  // namespace multiprocessing::detail
