//! See `huaweicloud_sms_fuzz::response`.
#![cfg_attr(fuzzing, no_main)]
huaweicloud_sms_fuzz::target!(response);
