// submission::Session: SMTP's words for what submit.h does, authentication first (RFC 6409).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "submission/submit.h"

namespace pabal::submission {

class Session final : public smtp::ServerPolicy {
 public:
  Session(Services& services, net::Loop& loop) : services_(services), submitter_(services), loop_(loop) {}

  Task<smtp::Reply> on_connect(smtp::ClientInfo info) override;
  Task<smtp::Reply> on_mail(smtp::ClientInfo info, smtp::MailParams mail) override;
  Task<smtp::Reply> on_rcpt(smtp::ClientInfo info, smtp::RcptParams rcpt) override;
  Task<std::vector<smtp::Reply>> on_message(smtp::ClientInfo info, std::string content) override;
  void on_reset() override;
  std::vector<std::string> auth_mechanisms(const smtp::ClientInfo& info) override;
  Task<smtp::AuthStep> auth_start(smtp::ClientInfo info, std::string mechanism,
                                  std::optional<std::string> initial) override;
  Task<smtp::AuthStep> auth_continue(std::string data) override;

 private:
  smtp::AuthStep taken(identity::SaslStep step);
  void begin(const smtp::ClientInfo& info, smtp::MailParams mail);

  Services& services_;
  Submitter submitter_;
  net::Loop& loop_;
  std::optional<identity::Account> account_;
  std::unique_ptr<identity::SaslExchange> exchange_;
  Parcel parcel_;
};

}  // namespace pabal::submission
