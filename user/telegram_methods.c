// SPDX-License-Identifier: Apache-2.0
#include "telegram_methods.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <string.h>

#include "tls.h"

/* Bot API up to version 9, and old names that still work. */
/* clang-format off */
const char *const telegram_method_names[] = {
	"addStickerToSet", "answerCallbackQuery", "answerInlineQuery", "answerPreCheckoutQuery",
	"answerShippingQuery", "answerWebAppQuery", "approveChatJoinRequest",
	"approveSuggestedPost", "banChatMember", "banChatSenderChat", "close", "closeForumTopic",
	"closeGeneralForumTopic", "convertGiftToStars", "copyMessage", "copyMessages",
	"createChatInviteLink", "createChatSubscriptionInviteLink", "createForumTopic",
	"createInvoiceLink", "createNewStickerSet", "declineChatJoinRequest",
	"declineSuggestedPost", "deleteBusinessMessages", "deleteChatPhoto",
	"deleteChatStickerSet", "deleteForumTopic", "deleteMessage", "deleteMessages",
	"deleteMyCommands", "deleteStickerFromSet", "deleteStickerSet", "deleteStory",
	"deleteWebhook", "editChatInviteLink", "editChatSubscriptionInviteLink",
	"editForumTopic", "editGeneralForumTopic", "editMessageCaption", "editMessageChecklist",
	"editMessageLiveLocation", "editMessageMedia", "editMessageReplyMarkup",
	"editMessageText", "editStory", "editUserStarSubscription", "exportChatInviteLink",
	"forwardMessage", "forwardMessages", "getAvailableGifts", "getBusinessAccountGifts",
	"getBusinessAccountStarBalance", "getBusinessConnection", "getChat",
	"getChatAdministrators", "getChatGifts", "getChatMember", "getChatMemberCount",
	"getChatMembersCount", "getChatMenuButton", "getCustomEmojiStickers", "getFile",
	"getForumTopicIconStickers", "getGameHighScores", "getMe", "getMyCommands",
	"getMyDefaultAdministratorRights", "getMyDescription", "getMyName",
	"getMyShortDescription", "getMyStarBalance", "getStarTransactions", "getStickerSet",
	"getUpdates", "getUserChatBoosts", "getUserGifts", "getUserProfileAudios",
	"getUserProfilePhotos", "getWebhookInfo", "giftPremiumSubscription",
	"hideGeneralForumTopic", "kickChatMember", "leaveChat", "logOut", "pinChatMessage",
	"postStory", "promoteChatMember", "readBusinessMessage", "refundStarPayment",
	"removeBusinessAccountProfilePhoto", "removeChatVerification", "removeMyProfilePhoto",
	"removeUserVerification", "reopenForumTopic", "reopenGeneralForumTopic",
	"replaceStickerInSet", "repostStory", "restrictChatMember", "revokeChatInviteLink",
	"savePreparedInlineMessage", "sendAnimation", "sendAudio", "sendChatAction",
	"sendChecklist", "sendContact", "sendDice", "sendDocument", "sendGame", "sendGift",
	"sendInvoice", "sendLocation", "sendMediaGroup", "sendMessage", "sendMessageDraft",
	"sendPaidMedia", "sendPhoto", "sendPoll", "sendSticker", "sendVenue", "sendVideo",
	"sendVideoNote", "sendVoice", "setBusinessAccountBio", "setBusinessAccountGiftSettings",
	"setBusinessAccountName", "setBusinessAccountProfilePhoto", "setBusinessAccountUsername",
	"setChatAdministratorCustomTitle", "setChatDescription", "setChatMemberTag",
	"setChatMenuButton", "setChatPermissions", "setChatPhoto", "setChatStickerSet",
	"setChatTitle", "setCustomEmojiStickerSetThumbnail", "setGameScore",
	"setMessageReaction", "setMyCommands", "setMyDefaultAdministratorRights",
	"setMyDescription", "setMyName", "setMyProfilePhoto", "setMyShortDescription",
	"setPassportDataErrors", "setStickerEmojiList", "setStickerKeywords",
	"setStickerMaskPosition", "setStickerPositionInSet", "setStickerSetThumb",
	"setStickerSetThumbnail", "setStickerSetTitle", "setUserEmojiStatus", "setWebhook",
	"stopMessageLiveLocation", "stopPoll", "transferBusinessAccountStars", "transferGift",
	"unbanChatMember", "unbanChatSenderChat", "unhideGeneralForumTopic",
	"unpinAllChatMessages", "unpinAllForumTopicMessages",
	"unpinAllGeneralForumTopicMessages", "unpinChatMessage", "upgradeGift",
	"uploadStickerFile", "verifyChat", "verifyUser",
};
/* clang-format on */
const size_t telegram_method_count =
	sizeof(telegram_method_names) / sizeof(telegram_method_names[0]);

int telegram_methods_fill(int map)
{
	struct telegram_method lower, name;
	size_t i, at;
	int err = 0;

	for (i = 0; !err && i < telegram_method_count; i++) {
		memset(&name, 0, sizeof(name));
		memset(&lower, 0, sizeof(lower));
		memcpy(name.name, telegram_method_names[i], strlen(telegram_method_names[i]));
		for (at = 0; at < sizeof(name.name); at++)
			lower.name[at] = (char)tolower((unsigned char)name.name[at]);
		err = bpf_map_update_elem(map, &lower, &name, BPF_ANY);
	}
	return err;
}
