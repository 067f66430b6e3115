#pragma once

/// \file multiprocessing/progress.hpp
/// A progress bar around a loop or in the hands of several threads.
///
/// Mirrors `tqdm`, the package that Python's users of `Pool` take for it.
///
///   sharing   copies of a `tqdm<>` are one bar, closed with the last of them; a forked child has a
///             count of its own, and draws nothing when its last copy goes
///   threads   a bar may be updated from several threads; the loop around it belongs to one
///   ordering  none
///   death     its line stays where it was drawn; no other process waits for it
///
/// \code
///   for (int x : tqdm(pool.imap(f, range(10)), {.total = 10, .desc = "watching"})) use(x);
///
///   tqdm bar({.total = bytes, .unit = "B", .unit_scale = true});
///   while (auto n = copy_some()) bar.update(n);
///   bar.set_postfix({{"retries", 3}, {"loss", 0.25}});
///   tqdm<>::write("a line above the bars");
/// \endcode
///
/// Bars appear on stderr: `watching:  40%|████      | 4/10 [00:01<00:02,  3.52it/s]`. Where that is
/// no terminal, a line is printed per tenth of the total (every ten seconds if that is not known)
/// and at the end. Drawing never throws.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/tqdm_bar.hpp>
#include <multiprocessing/detail/vocabulary.hpp>

namespace multiprocessing {

struct TqdmOptions {
  std::optional<std::size_t> total{};  ///< by default the size of the range, if it has one
  std::string desc{};                  ///< in front of the bar
  std::optional<int> position{};  ///< line below the topmost bar; by default the first free one
  bool leave = true;              ///< the bar stays on the screen when it is done
  std::string unit = "it";        ///< what an item is called
  bool unit_scale = false;        ///< 1.23M instead of 1234567
  std::chrono::nanoseconds mininterval = std::chrono::milliseconds(100);  ///< between two redraws
  std::optional<int> ncols{};  ///< width; by default that of the terminal. 0: no bar
  bool ascii = false;          ///< a bar of digits and # instead of blocks
  std::size_t initial = 0;     ///< items that had been done before
  bool disable = false;        ///< draw nothing at all
};

/// `tqdm<>`: a bar that is moved by hand. `tqdm<R>`: the same around the range R, to be looped
/// over.
template <class R = void>
class tqdm;

template <>
class tqdm<void> {
 public:
  explicit tqdm(TqdmOptions options = {})
      : bar_(std::make_shared<detail::ProgressBar>(std::move(options))) {}

  /// Moves the bar on by `items`, back if that is negative.
  template <std::integral N = int>
  void update(N items = 1) const noexcept {
    bar_->update(static_cast<std::int64_t>(items));
  }

  /// Shown in front of the bar from its next drawing on.
  void set_description(std::string_view text) const noexcept { bar_->set_description(text); }

  /// Shown behind the rate from the next drawing on.
  template <std::convertible_to<std::string_view> Text>
  void set_postfix(const Text& text) const noexcept {
    bar_->set_postfix(text);
  }

  /// The same as pairs: `{{"loss", 0.25}, {"phase", "warm-up"}}` shows as "loss=0.25,
  /// phase=warm-up".
  void set_postfix(std::initializer_list<detail::PostfixItem> items) const {
    std::string all;
    for (const auto& item : items) item.append_to(all);
    bar_->set_postfix(all);
  }

  /// The same from a map, or another range of pairs.
  template <std::ranges::input_range Pairs>
    requires std::constructible_from<
        detail::PostfixItem, decltype(std::declval<std::ranges::range_reference_t<Pairs>>().first),
        decltype(std::declval<std::ranges::range_reference_t<Pairs>>().second)>
  void set_postfix(Pairs&& pairs) const {
    std::string all;
    for (const auto& [name, value] : pairs) detail::PostfixItem(name, value).append_to(all);
    bar_->set_postfix(all);
  }

  /// Draws the bar now, however recent the last drawing is.
  void refresh() const noexcept { bar_->refresh(); }

  /// Starts again from zero, with another total if one is given.
  void reset(std::optional<std::size_t> total = std::nullopt) const noexcept { bar_->reset(total); }

  /// Draws the bar for the last time, or removes it if it is not to be left. Happens by itself at
  /// the end of the loop and with the last copy.
  void close() const noexcept { bar_->close(); }

  /// Items done.
  [[nodiscard]] std::int64_t n() const noexcept { return bar_->done(); }
  [[nodiscard]] std::optional<std::size_t> total() const noexcept { return bar_->total(); }

  /// Prints a line on stdout, above the bars of this process.
  static void write(std::string_view text) noexcept { detail::ProgressBar::write(text); }

 protected:
  [[nodiscard]] detail::ProgressBar& bar() const noexcept { return *bar_; }

 private:
  std::shared_ptr<detail::ProgressBar> bar_;
};

/// Holds an lvalue by reference and an rvalue as its own.
template <class R>
class tqdm : public tqdm<void> {
  using Source = std::conditional_t<std::is_lvalue_reference_v<R>,
                                    std::ranges::ref_view<std::remove_reference_t<R>>, R>;
  using Inner = std::ranges::iterator_t<Source>;
  using InnerEnd = std::ranges::sentinel_t<Source>;

 public:
  explicit tqdm(R&& range, TqdmOptions options = {})
      : tqdm<void>(with_total(range, std::move(options))), source_(std::forward<R>(range)) {}

  class Iterator;

  class Sentinel {
   public:
    Sentinel() = default;
    explicit Sentinel(InnerEnd end) : end_(std::move(end)) {}

   private:
    friend class Iterator;
    InnerEnd end_{};
  };

  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = std::iter_value_t<Inner>;
    using difference_type = std::iter_difference_t<Inner>;

    Iterator(Inner inner, detail::ProgressBar& bar) : inner_(std::move(inner)), bar_(&bar) {}

    decltype(auto) operator*() const { return *inner_; }

    Iterator& operator++() {
      bar_->tick();  // before the source is asked, which may take long: its item is done
      ++inner_;
      return *this;
    }
    void operator++(int) { ++*this; }

    /// Closes the bar at the end of the range.
    bool operator==(const Sentinel& sentinel) const {
      const bool ended = inner_ == sentinel.end_;
      if (ended) bar_->close();
      return ended;
    }

   private:
    Inner inner_;
    detail::ProgressBar* bar_;
  };

  Iterator begin() { return Iterator(std::ranges::begin(source_), bar()); }
  Sentinel end() { return Sentinel(std::ranges::end(source_)); }

 private:
  template <class Range>
  static TqdmOptions with_total(Range& range, TqdmOptions options) {
    if constexpr (std::ranges::sized_range<Range&>) {
      if (!options.total) options.total = static_cast<std::size_t>(std::ranges::size(range));
    }
    return options;
  }

  Source source_;
};

tqdm() -> tqdm<void>;
tqdm(TqdmOptions) -> tqdm<void>;
template <std::ranges::input_range R>
tqdm(R&&, TqdmOptions = {}) -> tqdm<R>;

}  // namespace multiprocessing
