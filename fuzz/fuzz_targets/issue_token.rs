//! See `huaweicloud_sms_fuzz::issue_token`.
#![cfg_attr(fuzzing, no_main)]
huaweicloud_sms_fuzz::target!(issue_token);
