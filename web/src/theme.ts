// The look of the console, once: pine green and amber on warm paper, dense, quiet, with colour only where it says something.
import { theme, type ThemeConfig } from 'antd';

export type Mode = 'light' | 'dark';

const fontFamily = `'Inter Variable', 'Noto Sans SC', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', system-ui, sans-serif`;
export const monospace = `'JetBrains Mono Variable', ui-monospace, 'SF Mono', Menlo, Consolas, 'Noto Sans Mono CJK SC', monospace`;

/** Ink and tint of what a colour says; the ink reads on the tint and on every ground of its mode. */
type Tone = { ink: string; tint: string; line: string };
type Look = {
  primary: { base: string; hover: string; active: string; on: string; tint: string; tintHover: string };
  tones: { Success: Tone; Warning: Tone; Error: Tone; Info: Tone };
  ground: { layout: string; container: string; elevated: string; border: string; line: string };
  text: { base: string; secondary: string; tertiary: string; quiet: string };
  fill: string;
};

const light: Look = {
  primary: {
    base: '#14594e',
    hover: '#0e4940',
    active: '#0a3a33',
    on: '#ffffff',
    tint: '#e3eeea',
    tintHover: '#d6e6e0',
  },
  tones: {
    Success: { ink: '#1c683a', tint: '#e3f2e7', line: '#b9dcc4' },
    Warning: { ink: '#80500a', tint: '#faefd9', line: '#ecd3a0' },
    Error: { ink: '#a52d20', tint: '#fae7e3', line: '#eebfb7' },
    Info: { ink: '#1a5c77', tint: '#e2f0f5', line: '#b5d7e4' },
  },
  ground: {
    layout: '#f8f7f3',
    container: '#ffffff',
    elevated: '#ffffff',
    border: '#d8d6cd',
    line: '#e8e6df',
  },
  text: { base: '#1a211f', secondary: '#4a5450', tertiary: '#5d6763', quiet: '#66706c' },
  fill: '#f3f2ec',
};

const dark: Look = {
  primary: {
    base: '#5cc4ae',
    hover: '#79d5c1',
    active: '#8fe0ce',
    on: '#08120f',
    tint: '#16302a',
    tintHover: '#1c3b34',
  },
  tones: {
    Success: { ink: '#7fd49b', tint: '#153222', line: '#24513a' },
    Warning: { ink: '#e9ba72', tint: '#362a13', line: '#5a4620' },
    Error: { ink: '#f29d92', tint: '#3c1f1b', line: '#643129' },
    Info: { ink: '#80c8e0', tint: '#142e38', line: '#244d5d' },
  },
  ground: {
    layout: '#0e1211',
    container: '#151a19',
    elevated: '#1c2321',
    border: '#37413e',
    line: '#252d2b',
  },
  text: { base: '#e8edea', secondary: '#b4beb9', tertiary: '#9ba6a1', quiet: '#929d98' },
  fill: '#1b2120',
};

/** Tokens by name, so that what was chosen above is what is shown: the algorithms would dim or brighten it. */
function exact({ primary, tones, ground, text, fill }: Look): Record<string, string> {
  const tokens: Record<string, string> = {
    colorPrimary: primary.base,
    colorPrimaryHover: primary.hover,
    colorPrimaryActive: primary.active,
    colorPrimaryBg: primary.tint,
    colorPrimaryBgHover: primary.tintHover,
    colorPrimaryText: primary.base,
    colorPrimaryTextHover: primary.hover,
    colorLink: primary.base,
    colorLinkHover: primary.hover,
    colorLinkActive: primary.active,
    colorBgLayout: ground.layout,
    colorBgContainer: ground.container,
    colorBgElevated: ground.elevated,
    colorBorder: ground.border,
    colorBorderSecondary: ground.line,
    colorText: text.base,
    colorTextSecondary: text.secondary,
    colorTextTertiary: text.tertiary,
    colorFillQuaternary: fill,
  };
  for (const [name, { ink, tint, line }] of Object.entries(tones)) {
    Object.assign(tokens, {
      [`color${name}`]: ink,
      [`color${name}Bg`]: tint,
      [`color${name}BgHover`]: tint,
      [`color${name}Border`]: line,
      [`color${name}BorderHover`]: ink,
      [`color${name}Hover`]: ink,
      [`color${name}Active`]: ink,
      [`color${name}Text`]: ink,
      [`color${name}TextHover`]: ink,
      [`color${name}TextActive`]: ink,
    });
  }
  return tokens;
}

const looks: Record<Mode, Look> = { light, dark };

export function themeOf(mode: Mode): ThemeConfig {
  const look = looks[mode];
  const { primary, tones, text } = look;
  return {
    algorithm: [
      mode === 'dark' ? theme.darkAlgorithm : theme.defaultAlgorithm,
      (_, derived) => ({ ...(derived ?? theme.getDesignToken()), ...exact(look) }),
    ],
    cssVar: { key: 'osc' },
    token: {
      colorPrimary: primary.base,
      colorInfo: tones.Info.ink,
      colorSuccess: tones.Success.ink,
      colorWarning: tones.Warning.ink,
      colorError: tones.Error.ink,
      colorTextBase: text.base,
      colorTextLightSolid: primary.on,
      colorTextPlaceholder: text.quiet,
      colorTextDescription: text.secondary,
      colorTextDisabled: text.quiet,
      fontFamily,
      fontFamilyCode: monospace,
      fontSize: 14,
      borderRadius: 8,
      borderRadiusSM: 6,
      borderRadiusLG: 12,
      controlHeight: 34,
      controlHeightSM: 28,
      controlOutlineWidth: 3,
      motionDurationMid: '0.14s',
      motionDurationSlow: '0.18s',
    },
    components: {
      Menu: {
        itemBg: 'transparent',
        itemHeight: 34,
        itemMarginInline: 0,
        itemMarginBlock: 2,
        itemPaddingInline: 10,
        activeBarBorderWidth: 0,
        iconMarginInlineEnd: 11,
        itemColor: text.secondary,
        itemSelectedBg: primary.tint,
        itemSelectedColor: primary.base,
        groupTitleColor: text.tertiary,
        groupTitleFontSize: 12,
      },
      Table: {
        headerBg: look.fill,
        headerColor: text.secondary,
        headerSplitColor: 'transparent',
        cellPaddingBlock: 12,
        cellPaddingBlockSM: 9,
        cellPaddingInlineSM: 14,
        rowHoverBg: look.fill,
        headerBorderRadius: 11,
      },
      Card: { headerHeight: 48, headerHeightSM: 46, bodyPaddingSM: 16 },
      Button: {
        primaryShadow: 'none',
        defaultShadow: 'none',
        dangerShadow: 'none',
        fontWeight: 550,
        dangerColor: mode === 'dark' ? '#1d0b08' : '#ffffff',
      },
      Tabs: { horizontalItemPadding: '10px 2px', horizontalItemGutter: 26, titleFontSize: 14 },
      Segmented: {
        trackBg: mode === 'dark' ? '#1a201f' : '#edece5',
        itemSelectedBg: mode === 'dark' ? '#303a37' : '#ffffff',
        trackPadding: 3,
      },
      Tooltip: {
        colorBgSpotlight: mode === 'dark' ? '#e8edea' : '#1f2725',
        colorTextLightSolid: mode === 'dark' ? '#131817' : '#f4f6f5',
      },
      Modal: { titleFontSize: 18 },
      Alert: {
        defaultPadding: '10px 14px',
        withDescriptionPadding: '12px 16px',
        withDescriptionIconSize: 18,
      },
    },
  };
}
