#pragma once

/// \file multiprocessing/detail/base_manager.hpp
/// Objects that programs which did not start each other use together: BaseManager and Server, which
/// are public.
///
/// Mirrors `multiprocessing.managers.BaseManager`. A manager serves at an address those who know
/// its key. What it gives out are handles, which, on the same machine, for the same user and build
/// of the library, lie in memory that is shared from then on, so that the manager has no part in
/// their use; or proxies, whose calls it carries out.
///
///   sharing   copies are the same manager; a forked child of a connected program is connected, too
///   threads   every member may be called concurrently, but `start`, `connect` and `shutdown`
///   ordering  what a call did in the manager happens before it returns
///   death     a client's: what was kept for it is let go of. The manager's: handles go on working
///             among those who have them; calls end with EOFError or std::system_error
///
/// \code
///   mp::BaseManager manager("/run/shop.socket", {.authkey = "secret"});          // one program
///   manager.register_type<mp::Queue<std::string>>("jobs");
///   manager.get_server().serve_forever();
///
///   mp::BaseManager manager("/run/shop.socket", {.authkey = "secret"});          // any other
///   manager.connect();
///   auto jobs = manager.get<mp::Queue<std::string>>("jobs");
///   jobs.put("sweep the floor");
/// \endcode

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/address.hpp>
#include <multiprocessing/detail/exposed.hpp>
#include <multiprocessing/detail/exposed_handles.hpp>
#include <multiprocessing/detail/managed.hpp>
#include <multiprocessing/detail/remote.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::manager {
class ManagerState;  // lib/manager/manager_state.hpp
class ServerState;   // lib/manager/server_state.hpp
}  // namespace multiprocessing::manager

namespace multiprocessing {

struct ManagerOptions {
  /// Who knows it may use the manager; any bytes. None: one that nobody can guess, so that only
  /// this object and its copies in forked children can.
  std::optional<std::string> authkey = {};
  /// How long `shutdown` waits before it ends the manager's process by force.
  Timeout shutdown_timeout = std::chrono::seconds(1);
  /// For connecting, authentication and all that comes before the first call.
  Timeout connect_timeout = std::chrono::seconds(10);
};

/// Serves a manager's objects in this process.
class MULTIPROCESSING_API Server {
 public:
  explicit Server(std::shared_ptr<manager::ServerState> state) noexcept
      : state_(std::move(state)) {}

  /// Serves until `stop`, or until a client asks for it (`BaseManager::shutdown`). Each connection
  /// has a thread of its own. \throws KeyboardInterrupt, std::system_error; ProcessError in a
  /// forked child of the process that called `get_server`
  void serve_forever() const;
  /// Lets `serve_forever` return. May be called from any thread.
  void stop() const noexcept;
  /// As bound: with the real port.
  [[nodiscard]] const Address& address() const noexcept;

 private:
  std::shared_ptr<manager::ServerState> state_;
};

namespace detail {

template <class T>
struct Managed {
  using type = Proxy<T>;
  using Element = T;
};
template <SharedHandle T>
struct Managed<T> {
  using type = T;
  using Element = T;
};
template <class T>
struct Managed<Proxy<T>> {
  using type = Proxy<T>;
  using Element = T;
};

}  // namespace detail

/// What `get<T>` gives: a handle itself, for any other class, or where it is asked for, a Proxy.
template <class T>
using managed_t = typename detail::Managed<T>::type;

class MULTIPROCESSING_API BaseManager {
 public:
  /// No address: a fresh one that others learn from `address()`.
  explicit BaseManager(Address address = {}, ManagerOptions options = {});

  /// Lets clients have a T by this name. With a factory, it is called at each `get`, with what that
  /// was given, and its result is given out: a T, or a std::shared_ptr to one; it may capture
  /// anything and be called concurrently. Without one, all get the same T, made by its default
  /// constructor. A program that only connects needs to register nothing.
  /// \throws ValueError if the name is taken
  template <class T, class Factory = detail::NoFactory>
  void register_type(std::string name, Factory factory = {}) const {
    add(detail::managed_type<T>(std::move(name), std::move(factory)));
  }

  /// The object of that name: a handle (Queue, Lock, Dict, ...) itself, or a Proxy of an object of
  /// an exposed class. `get<Proxy<T>>` asks for a proxy where T has both.
  /// \throws ValueError for a name that is not registered, a type or arguments that are others
  /// there; TransferError for a handle if no memory is shared, saying why; what the factory threw;
  /// ProcessError before `start` or `connect`; EOFError, std::system_error if the manager is gone
  template <class T, class... Args>
  [[nodiscard]] managed_t<T> get(std::string_view name, Args&&... args) const {
    using Result = managed_t<T>;
    using Element = typename detail::Managed<T>::Element;
    constexpr bool kProxy = !std::is_same_v<Result, Element>;
    detail::RemoteCall call(link(),
                            {.name = name,
                             .type = detail::managed_class<Element>(),
                             .as_proxy = kProxy,
                             .arguments = detail::managed_id<detail::sent_t<Args>...>(),
                             .argument_names = detail::names_of_types<detail::sent_t<Args>...>()});
    (detail::encode_value(call.arguments(), detail::sent_t<Args>(std::forward<Args>(args))), ...);
    detail::Reader& in = call.perform();
    if constexpr (kProxy) {
      return Result(call.object(in.plain<std::uint64_t>(), detail::type_name<Element>()));
    } else {
      return detail::decode_value<Result>(in);
    }
  }

  /// Starts a process that serves what is registered by now, and connects to it. It ignores SIGINT,
  /// and ends with this one. `initializer` runs there first.
  /// \throws ProcessError if this was done before; what kept it from serving (EADDRINUSE)
  void start(const std::function<void()>& initializer = {}) const;
  /// Connects to a manager that serves at the address. Before this program's first use of shared
  /// memory (any handle of this library, or Process), it joins the manager's; else, or from another
  /// machine, user or build, only proxies can be had: see `shares_memory`.
  /// \throws AuthenticationError for a wrong key; std::system_error naming connect; TimeoutError;
  /// EOFError; ProcessError if the other end is no manager of this kind, or this one was started
  void connect() const;
  /// What serves in this process. \throws ProcessError after `start` or `connect`;
  /// std::system_error naming bind
  [[nodiscard]] Server get_server() const;

  /// Ends what `start` has started: asks it to, then by force. Nothing happens the second time.
  /// Also done when the last copy goes, in the process that started it.
  /// \throws ProcessError if it was not started here
  void shutdown() const;
  /// Waits until what `start` has started has ended. \throws ProcessError
  bool join(Timeout timeout = {}) const;  // NOLINT(modernize-use-nodiscard)

  /// Where it is served; the real one, once that is known.
  [[nodiscard]] Address address() const;
  /// Handles can be had, which work without the manager.
  [[nodiscard]] bool shares_memory() const;
  /// Why not; empty if so.
  [[nodiscard]] std::string why_not_shared() const;

 private:
  void add(detail::ManagedType type) const;
  [[nodiscard]] std::shared_ptr<manager::Link> link() const;

  std::shared_ptr<manager::ManagerState> state_;
};

}  // namespace multiprocessing
