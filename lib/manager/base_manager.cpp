#include <multiprocessing/detail/base_manager.hpp>

#include <utility>

#include "manager/link.hpp"
#include "manager/manager_state.hpp"
#include "manager/rooms.hpp"
#include "manager/server_state.hpp"

namespace multiprocessing {

void Server::serve_forever() const {
  state_->serve();
}

void Server::stop() const noexcept {
  state_->stop();
}

const Address& Server::address() const noexcept {
  return state_->address();
}

BaseManager::BaseManager(Address address, ManagerOptions options)
    : state_(std::make_shared<manager::ManagerState>(std::move(address), std::move(options))) {
  static_cast<void>(manager::every_kind);
}

void BaseManager::add(detail::ManagedType type) const {
  state_->registry().add(std::move(type));
}

std::shared_ptr<manager::Link> BaseManager::link() const {
  return state_->link();
}

void BaseManager::start(const std::function<void()>& initializer) const {
  state_->start(initializer);
}

void BaseManager::connect() const {
  state_->connect();
}

Server BaseManager::get_server() const {
  return Server(state_->serve());
}

void BaseManager::shutdown() const {
  state_->shutdown();
}

bool BaseManager::join(Timeout timeout) const {
  return state_->join(timeout);
}

Address BaseManager::address() const {
  return state_->address();
}

bool BaseManager::shares_memory() const {
  return why_not_shared().empty();
}

std::string BaseManager::why_not_shared() const {
  return state_->link()->why_not_shared();
}

}  // namespace multiprocessing
