//! The texts of the page, in each language.

use crate::words::Locale;

/// What the page says.
pub(super) struct RefusalTexts {
    /// The title for a status.
    pub(super) title: fn(u16) -> &'static str,
    /// What happened, for a status, and whether the answer was not ready in time.
    pub(super) text: fn(u16, bool) -> &'static str,
    /// When to try again, for so many seconds.
    pub(super) retry_in: fn(u32) -> String,
    /// The link to the page that a form was sent from.
    pub(super) back: &'static str,
    /// What stands before the request's id.
    pub(super) request_id: &'static str,
}

/// Longest wait that is given in seconds; a longer one is in minutes.
const MAX_SECONDS: u32 = 90;

/// The texts in this language.
pub(super) const fn texts(locale: Locale) -> &'static RefusalTexts {
    match locale {
        Locale::En => &EN,
        Locale::ZhCn => &ZH_CN,
    }
}

const EN: RefusalTexts = RefusalTexts {
    title: |status| match status {
        403 => "Not allowed",
        404 => "Page not found",
        408 => "The request took too long",
        429 => "Too many requests",
        503 => "The server is busy",
        500.. => "Server error",
        _ => "Bad request",
    },
    text: |status, is_late| match status {
        403 => "A change is accepted from this site’s own pages only.",
        404 => "Check the address, or start from the markets.",
        405 => "This address cannot be opened in this way.",
        408 => "What you sent did not arrive in time.",
        413 | 414 => "What you sent is too long.",
        429 => "Your network address has sent too many requests, or has too many of them open.",
        503 if is_late => "The page was not ready in time.",
        503 => "It has more requests than it can answer at once, or it is being restarted.",
        500.. => "The page could not be made. The server’s log has the reason, under the request ID.",
        _ => "The server cannot read this request.",
    },
    retry_in: |seconds| match seconds {
        0 | 1 => "Try again in 1 second.".to_owned(),
        2..=MAX_SECONDS => format!("Try again in {seconds} seconds."),
        _ => format!("Try again in {} minutes.", seconds.div_ceil(60)),
    },
    back: "Back to the page",
    request_id: "Request ID",
};

const ZH_CN: RefusalTexts = RefusalTexts {
    title: |status| match status {
        403 => "不允许的操作",
        404 => "找不到页面",
        408 => "请求超时",
        429 => "请求过多",
        503 => "服务器繁忙",
        500.. => "服务器出错",
        _ => "请求无效",
    },
    text: |status, is_late| match status {
        403 => "只接受由本站页面发出的更改。",
        404 => "请检查地址，或从行情页开始。",
        405 => "不能以这种方式打开此地址。",
        408 => "发送的内容未能及时到达。",
        413 | 414 => "发送的内容过长。",
        429 => "您的网络地址发送的请求过多，或同时打开的请求过多。",
        503 if is_late => "页面未能及时生成。",
        503 => "同时到达的请求过多，或服务器正在重新启动。",
        500.. => "无法生成页面。服务器日志中以该请求编号记录了原因。",
        _ => "服务器无法识别此请求。",
    },
    retry_in: |seconds| match seconds {
        0..=MAX_SECONDS => format!("请在 {} 秒后重试。", seconds.max(1)),
        _ => format!("请在 {} 分钟后重试。", seconds.div_ceil(60)),
    },
    back: "返回原页面",
    request_id: "请求编号",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_in_words_and_rounded_up() {
        let of = |locale, seconds| (texts(locale).retry_in)(seconds);
        assert_eq!(of(Locale::En, 1), "Try again in 1 second.");
        assert_eq!(of(Locale::En, 90), "Try again in 90 seconds.");
        assert_eq!(of(Locale::En, 91), "Try again in 2 minutes.");
        assert_eq!(of(Locale::En, 900), "Try again in 15 minutes.");
        assert_eq!(of(Locale::ZhCn, 4), "请在 4 秒后重试。");
        assert_eq!(of(Locale::ZhCn, 121), "请在 3 分钟后重试。");
    }
}
